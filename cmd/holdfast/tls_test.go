//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

// authority signs certificates.
type authority struct {
	file string // of its own certificate
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{cert: &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign}}
	a.file, _, a.key = a.sign(t, a.cert, nil)
	return a
}

// forServers makes a certificate of 127.0.0.1, and returns the files of it and its key.
func (a *authority) forServers(t *testing.T) (cert, key string) {
	t.Helper()
	cert, key, _ = a.sign(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP(loopback.Host)}}, a.key)
	return cert, key
}

// forName makes one of a name.
func (a *authority) forName(t *testing.T, name string) (cert, key string) {
	t.Helper()
	cert, key, _ = a.sign(t, &x509.Certificate{DNSNames: []string{name}}, a.key)
	return cert, key
}

// config are directives for a server with a certificate of this authority.
func (a *authority) config(port int, cert, key string) []string {
	return []string{
		fmt.Sprint("tls-port ", port), "tls-cert-file " + cert, "tls-key-file " + key,
		"tls-ca-cert-file " + a.file, "tls-auth-clients no",
	}
}

// sign completes a certificate and signs it: by its own key where signer is nil.
func (a *authority) sign(t *testing.T, cert *x509.Certificate, signer *ecdsa.PrivateKey) (certFile, keyFile string, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	if signer == nil {
		signer = key
	}
	cert.SerialNumber, cert.Subject, cert.BasicConstraintsValid = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: t.Name()}, true
	cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	signed, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, signer)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pemFile(t, "CERTIFICATE", signed), pemFile(t, "PRIVATE KEY", secret), key
}

func pemFile(t *testing.T, kind string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600))
	return file
}

// startTLS starts a node with a password that also has a port with TLS, and returns that
// port's address. Clients trust what SSL_CERT_FILE names, which is not so on every system.
func startTLS(t *testing.T, a *authority, directives ...string) (node *redistest.Node, addr string) {
	t.Helper()
	switch {
	case runtime.GOOS == "darwin":
		t.Skip("SSL_CERT_FILE is not read here")
	case redistest.Backend() == "docker":
		t.Skip("a node in a container has no folder of this machine for its certificate")
	}
	redistest.Needs(t, redistest.CanConfig)
	if len(redistest.StartOne(t).Do(t, "CONFIG", "GET", "tls-port").([]any)) == 0 {
		t.Skip("the server was built without TLS")
	}
	port, err := loopback.Reserve()
	require.NoError(t, err)
	t.Cleanup(port.Release)
	cert, key := a.forServers(t)
	directives = append(append(directives, "requirepass "+secret), a.config(port.Port(), cert, key)...)
	return redistest.StartOne(t, redistest.WithConfig(directives...)), port.Addr()
}

func TestTLSURL(t *testing.T) {
	ours := newAuthority(t)
	node, addr := startTLS(t, ours)
	t.Setenv("SSL_CERT_FILE", ours.file)
	name := redistest.Name(t)
	useAll(t, "rediss://:"+secret+"@"+addr, name, func() {
		assert.Equal(t, int64(1), node.Do(t, "EXISTS", name))
	})
}

// A Cluster names its servers itself. Their certificates are checked, and for the address
// that it gave where the URL has another host.
func TestTLSClusterURL(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	redistest.Needs(t, redistest.CanConfig)
	if len(redistest.StartOne(t).Do(t, "CONFIG", "GET", "cluster-port").([]any)) == 0 {
		t.Skip("the server's cluster bus cannot have a port that is free")
	}
	bus, err := loopback.Reserve()
	require.NoError(t, err)
	t.Cleanup(bus.Release)
	node, addr := startTLS(t, ours, "cluster-enabled yes", fmt.Sprint("cluster-port ", bus.Port()),
		"cluster-announce-ip "+loopback.Host, "tls-cluster yes")
	node.Do(t, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
	require.Eventually(t, func() bool {
		return strings.Contains(node.Do(t, "CLUSTER", "INFO").(string), "cluster_state:ok")
	}, patience, tick)
	t.Setenv("SSL_CERT_FILE", ours.file)
	name := redistest.Name(t)
	useAll(t, "rediss://:"+secret+"@"+addr+"?addr="+addr, name, func() {
		assert.Equal(t, int64(1), node.Do(t, "EXISTS", name))
	})
	t.Setenv("SSL_CERT_FILE", other.file)
	untrusted := start(t, "rediss://:"+secret+"@"+addr+"?addr="+addr, "show", name)
	assert.Equal(t, statusFailed, untrusted.status())
	assert.Contains(t, untrusted.errors(), "certificate signed by unknown authority")
}

// The sentinel's certificate has its name, and the master's the master's.
func TestTLSSentinelURL(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	node, addr := startTLS(t, ours)
	port := startTLSSentinel(t, ours, addr)
	url := fmt.Sprint("rediss://localhost:", port, "?master_name=main&password=", secret)
	t.Setenv("SSL_CERT_FILE", ours.file)
	name := redistest.Name(t)
	useAll(t, url, name, func() {
		assert.Equal(t, int64(1), node.Do(t, "EXISTS", name))
	})
	t.Setenv("SSL_CERT_FILE", other.file)
	untrusted := start(t, url, "run", "-mutex", name, "-wait", "0", "--", "echo", "ran")
	assert.Equal(t, statusUnlocked, untrusted.status())
	assert.Empty(t, untrusted.output())
}

// startTLSSentinel starts a sentinel that watches a master, both by TLS, and is called
// localhost.
func startTLSSentinel(t *testing.T, a *authority, master string) (port int) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server to be a sentinel")
	}
	reserved, err := loopback.Reserve()
	require.NoError(t, err)
	t.Cleanup(reserved.Release)
	cert, key := a.forName(t, "localhost")
	host, at, err := net.SplitHostPort(master)
	require.NoError(t, err)
	lines := append(a.config(reserved.Port(), cert, key), "port 0", "bind "+loopback.Host, "tls-replication yes",
		fmt.Sprintf("sentinel monitor main %s %s 1", host, at), "sentinel auth-pass main "+secret)
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	require.NoError(t, os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	sentinel := exec.Command(program, config, "--sentinel")
	sentinel.Dir = t.TempDir()
	require.NoError(t, sentinel.Start())
	t.Cleanup(func() {
		_ = sentinel.Process.Kill()
		_ = sentinel.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", reserved.Addr())
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, patience, tick)
	return reserved.Port()
}

// Each subcommand says which node it was, and why, when no connection can be trusted.
func TestTLSFails(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	node, addr := startTLS(t, ours)
	name := redistest.Name(t)
	node.Do(t, "SET", name, token, "PX", 600_000) // for release, which would find it
	for what, c := range map[string]struct{ trusted, url, want string }{
		"untrusted": {other.file, "rediss://:" + secret + "@" + addr, "certificate signed by unknown authority"},
		"plain":     {ours.file, "redis://:" + secret + "@" + addr, "rediss://"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Setenv("SSL_CERT_FILE", c.trusted)
			for status, all := range map[int][][]string{
				statusFailed: {
					{"show", name}, {"show", "-json", name}, {"ls", name}, {"release", name, "-value", token, "-yes"},
				},
				statusUnlocked: {
					{"run", "-mutex", name + ":m", "-wait", "0", "--", "echo", "ran"},
					{"run", "-read", name + ":r", "-wait", "0", "--", "echo", "ran"},
					{"run", "-semaphore", name + ":s", "-limit", "1", "-wait", "0", "--", "echo", "ran"},
				},
			} {
				for _, args := range all {
					p := start(t, c.url, args...)
					assert.Equal(t, status, p.status(), args)
					assert.Contains(t, p.errors(), "node #0 ("+addr+"): ", args)
					assert.Contains(t, p.errors(), c.want, args)
					assert.NotContains(t, p.output()+p.errors(), secret, args)
					assert.NotContains(t, p.output(), "ran", args)
				}
			}
		})
	}
	assert.Equal(t, token, node.Do(t, "GET", name))
}
