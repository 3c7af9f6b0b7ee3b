package main

import (
	"context"
	"fmt"

	"github.com/ory/dockertest/v3/docker"
)

// obtainImage makes sure that the engine has the image. One that is there is
// used as it is: dockertest and this program ask before they pull.
func (e engine) obtainImage() error {
	if _, err := e.pool.Client.InspectImage(e.image()); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), pullTimeout)
	defer cancel()
	pull := docker.PullImageOptions{Repository: e.repository, Tag: e.tag, Context: ctx}
	if err := e.pool.Client.PullImage(pull, docker.AuthConfiguration{}); err != nil {
		return fmt.Errorf("image %s cannot be had: %w", e.image(), err)
	}
	// A pull that breaks off half-way reports that in its progress only.
	if _, err := e.pool.Client.InspectImage(e.image()); err != nil {
		return fmt.Errorf("image %s cannot be had: %w", e.image(), err)
	}
	return nil
}
