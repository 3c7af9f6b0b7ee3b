package redisurl

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"
)

// dialer is how go-redis connects to a server at an address.
type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// dialTimeout is go-redis's, for URLs that have none.
const dialTimeout = 5 * time.Second

// groupDialer connects by TLS to the servers of a Sentinel group or a Cluster, which the
// URL does not name all. A server's certificate has to be valid for its own address, or for
// a host of the URL. go-redis wants one for the URL's first host of all of them, and a
// master's rarely is valid for a sentinel's host.
//
// It is nil where there is no TLS.
func groupDialer(like *tls.Config, timeout time.Duration, addrs []string) dialer {
	if like == nil {
		return nil
	}
	if timeout == 0 {
		timeout = dialTimeout
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		config := like.Clone()
		config.ServerName = hostOf(addr)
		if !config.InsecureSkipVerify {
			config.InsecureSkipVerify = true // VerifyConnection does it, for more than one name
			config.VerifyConnection = func(state tls.ConnectionState) error {
				return verify(state, config.RootCAs, append([]string{addr}, addrs...))
			}
		}
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: timeout}, Config: config}
		return d.DialContext(ctx, network, addr)
	}
}

// verify reports why a server's certificate is valid for none of the addresses' hosts. The
// error is about the first.
func verify(state tls.ConnectionState, roots *x509.CertPool, addrs []string) (first error) {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, cert := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	for _, addr := range addrs {
		options.DNSName = hostOf(addr)
		_, err := state.PeerCertificates[0].Verify(options)
		if err == nil {
			return nil
		}
		if first == nil {
			first = &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
		}
	}
	return first
}

func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
