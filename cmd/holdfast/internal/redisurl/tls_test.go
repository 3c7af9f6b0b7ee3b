package redisurl

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// certificate makes one that signs itself, and the pool that trusts it.
func certificate(t *testing.T, name, ip string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{name}, IPAddresses: []net.IP{net.ParseIP(ip)},
	}
	signed, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err = x509.ParseCertificate(signed)
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, trusted
}

// A certificate of the server's own address or of the URL's hosts will do, and no other.
func TestACertificateIsOfTheServerOrOfTheURL(t *testing.T) {
	for _, c := range []struct {
		what, name, ip string
		urls           []string
		want           string
	}{
		{"the server's address", "a.example", "127.0.0.1", []string{"b.example:1"}, ""},
		{"a host of the URL", "b.example", "127.0.0.2", []string{"a.example:1", "b.example:2"}, ""},
		{"an address of the URL", "b.example", "127.0.0.2", []string{"127.0.0.2:1"}, ""},
		{"another", "c.example", "127.0.0.2", []string{"a.example:1", "b.example:2"}, "127.0.0.1"},
	} {
		t.Run(c.what, func(t *testing.T) {
			cert, trusted := certificate(t, c.name, c.ip)
			server, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
			require.NoError(t, err)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				if conn, err := server.Accept(); err == nil {
					_ = conn.(*tls.Conn).Handshake()
					_ = conn.Close()
				}
			}()
			dial := groupDialer(&tls.Config{RootCAs: trusted, ServerName: "b.example", MinVersion: tls.VersionTLS12}, time.Minute, c.urls)
			conn, err := dial(t.Context(), "tcp", server.Addr().String())
			if err == nil {
				assert.NoError(t, conn.Close())
			}
			assert.NoError(t, server.Close())
			<-ended
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
				assert.ErrorAs(t, err, new(*tls.CertificateVerificationError))
			}
		})
	}
	assert.Nil(t, groupDialer(nil, 0, nil))
}
