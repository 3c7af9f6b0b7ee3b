package foreign

import (
	"testing"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
)

func TestMain(m *testing.M) { drivertest.Main(m) }

func TestDriver(t *testing.T) { drivertest.Run(t, open) }

func open(_ testing.TB, addr string, _ drivertest.Options) (driver.Pool, func()) {
	return Pool{addr}, func() {}
}
