package redistest

import (
	"context"
	"fmt"

	"github.com/ory/dockertest/v3/docker"
)

// obtainImage makes sure that the engine has the image. One that is there is
// used as it is: dockertest and this package ask before they pull.
func (b dockerBackend) obtainImage() error {
	if _, err := b.pool.Client.InspectImage(b.image()); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), pullTimeout)
	defer cancel()
	pull := docker.PullImageOptions{Repository: b.repository, Tag: b.tag, Context: ctx}
	if err := b.pool.Client.PullImage(pull, docker.AuthConfiguration{}); err != nil {
		return fmt.Errorf("image %s cannot be had: %w", b.image(), err)
	}
	// A pull that breaks off half-way reports that in its progress only.
	if _, err := b.pool.Client.InspectImage(b.image()); err != nil {
		return fmt.Errorf("image %s cannot be had: %w", b.image(), err)
	}
	return nil
}
