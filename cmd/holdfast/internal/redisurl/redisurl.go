// Package redisurl makes Redis clients of URLs. No error of it has a part of a URL that
// may be a password.
package redisurl

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

var schemes = []string{"redis://", "rediss://", "unix://"}

// Clients makes one client per URL of a list, which is separated by commas or newlines, or
// is @ and the path of a file that has it. Lines of a file that begin with # are comments.
func Clients(list string) ([]redis.UniversalClient, error) {
	if path, ok := strings.CutPrefix(list, "@"); ok {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading the URLs: %w", err)
		}
		list = uncommented(string(content))
	}
	urls := split(list)
	if len(urls) == 0 {
		return nil, errors.New("no Redis URL given, at least 1 needed")
	}
	var clients []redis.UniversalClient
	for i, text := range urls {
		client, err := Client(text)
		if err != nil {
			Close(clients)
			return nil, fmt.Errorf("URL %d of %d: %w", i+1, len(urls), err)
		}
		clients = append(clients, client)
	}
	return clients, nil
}

// Close closes the clients.
func Close(clients []redis.UniversalClient) {
	for _, client := range clients {
		_ = client.Close()
	}
}

// Client makes the client of one URL: of a Sentinel group if it has a master_name, of a
// Cluster if it has an addr and none, and else of one server.
func Client(text string) (redis.UniversalClient, error) {
	parsed, err := url.Parse(text)
	if err != nil || strings.Contains(text, "#") { // the error quotes the URL, and what comes before a # may be taken for a port
		return nil, errors.New("it is no URL: is a character of the password to be percent-encoded?")
	}
	if !known(text) {
		return nil, errors.New("it begins with none of " + strings.Join(schemes, ", "))
	}
	client, err := client(text, parsed.Query())
	if err != nil { // which may quote an option that is a piece of a password with a ?
		return nil, errors.New("its database is no number, or an option is not one of go-redis's or has a bad value")
	}
	return client, nil
}

// client makes it. One that cannot connect says so at once: who uses it tries again, and
// go-redis would first try five times itself, with pauses.
func client(text string, query url.Values) (redis.UniversalClient, error) {
	switch {
	case query.Has("master_name"):
		options, err := redis.ParseFailoverURL(text)
		if err != nil {
			return nil, err
		}
		options.DialerRetries = max(options.DialerRetries, 1)
		options.Dialer = groupDialer(options.TLSConfig, options.DialTimeout, options.SentinelAddrs)
		return redis.NewFailoverClient(options), nil
	case query.Has("addr"):
		options, err := redis.ParseClusterURL(text)
		if err != nil {
			return nil, err
		}
		options.DialerRetries = max(options.DialerRetries, 1)
		options.Dialer = groupDialer(options.TLSConfig, options.DialTimeout, options.Addrs)
		return redis.NewClusterClient(options), nil
	}
	options, err := redis.ParseURL(text)
	if err != nil {
		return nil, err
	}
	options.DialerRetries = max(options.DialerRetries, 1)
	return redis.NewClient(options), nil
}

func known(text string) bool {
	for _, scheme := range schemes {
		if strings.HasPrefix(text, scheme) {
			return true
		}
	}
	return false
}

// split parts a list where a comma or a newline is followed by another URL, as a password
// may have a comma.
func split(list string) (urls []string) {
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == '\n' }) {
		part = strings.TrimSpace(part)
		switch {
		case part == "":
		case len(urls) > 0 && !known(part):
			urls[len(urls)-1] += "," + part
		default:
			urls = append(urls, part)
		}
	}
	return urls
}

func uncommented(content string) string {
	var lines []string
	for line := range strings.Lines(content) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}
