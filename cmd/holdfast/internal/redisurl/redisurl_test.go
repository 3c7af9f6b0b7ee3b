package redisurl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestClientsOfAllForms(t *testing.T) {
	clients, err := Clients("redis://u:p,w@one:1/2,rediss://two:2 , unix:///run/redis.sock?db=3," +
		"redis://s1:26379?addr=s2:26379&master_name=main,redis://c1:7000?addr=c2:7000")
	require.NoError(t, err)
	defer Close(clients)
	require.Len(t, clients, 5)
	one := clients[0].(*redis.Client).Options()
	assert.Equal(t, []any{"one:1", "p,w", 2}, []any{one.Addr, one.Password, one.DB})
	assert.NotNil(t, clients[1].(*redis.Client).Options().TLSConfig)
	assert.Equal(t, "unix", clients[2].(*redis.Client).Options().Network)
	assert.IsType(t, &redis.Client{}, clients[3])
	assert.Equal(t, []string{"c1:7000", "c2:7000"}, clients[4].(*redis.ClusterClient).Options().Addrs)
}

func TestClientsOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "urls")
	require.NoError(t, os.WriteFile(path, []byte("# ours\nredis://a:1\n\n redis://b:2\n"), 0o600))
	clients, err := Clients("@" + path)
	require.NoError(t, err)
	defer Close(clients)
	assert.Len(t, clients, 2)
	_, err = Clients("@" + path + "x")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestBadURLs(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "no Redis URL given",
		"redis://a:1,redis://b:1?nope=1":    "URL 2 of 2: its database is no number, or an option",
		"http://a":                          "begins with none of redis://, rediss://, unix://",
		"localhost:6379":                    "",
		"redis://:s3cret@host:port":         "it is no URL",
		"redis://u:53#s3cret@host:1":        "a character of the password",
		"redis://h:1?db=0#s3cret":           "a character of the password",
		"redis://:s3cret@host/s3cret":       "its database",
		"redis://host/0?db=s3cret":          "its database",
		"redis://u:s3cret@h?dial_timeout=x": "its database",
	} {
		_, err := Clients(text)
		require.Error(t, err, text)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

// Wherever the password of a URL is, and whatever is wrong with the URL, no error has it.
func FuzzNoPasswordInErrors(f *testing.F) {
	const secret = "s3cret"
	for _, text := range []string{"redis://u:s3cret@h:1/0", "redis://u:s3cret@:x:y", "redis://s3cret:6379x", "%zz://s3cret", "redis://u:%zzs3cret@h", "redis://h/s3cret", "redis://h?s3cret", "redis://h?password=s3cret", "redis://a:1,s3cret", "unix://u:s3cret@/x?db=a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "@") {
			t.Skip("the path of a file is none")
		}
		clients, err := Clients(text)
		Close(clients)
		if err != nil {
			assert.NotContains(t, err.Error(), secret)
		}
	})
}
