package nodes

import (
	"errors"
	"strconv"

	"github.com/gomodule/redigo/redis"
)

// Meter counts the requests that nodes get from others, and the time that they work on
// them. The server counts reads
// of its sockets. Commands inside scripts are none, while commandstats and
// total_commands_processed have them; requests that a client library sends in
// one packet count once, and so does the end of a connection.
type Meter struct {
	conns []redis.Conn
	own   int64 // requests of the meter's
}

// NewMeter connects to the nodes. The caller closes the meter.
func NewMeter(nodes []*Node) (*Meter, error) {
	m := &Meter{}
	for _, node := range nodes {
		conn, err := node.dial()
		if err != nil {
			return nil, errors.Join(err, m.Close())
		}
		m.conns = append(m.conns, conn)
	}
	return m, nil
}

// Count is how many requests all nodes together have had since they started.
func (m *Meter) Count() (total int64, err error) {
	for i := range m.conns {
		info, err := m.info(i, "stats")
		if err != nil {
			return 0, err
		}
		reads, err := strconv.ParseInt(infoField(info, "total_reads_processed"), 10, 64)
		if err != nil {
			return 0, err
		}
		total += reads
	}
	return total - m.own, nil
}

// info asks one node. The answer counts the question.
func (m *Meter) info(node int, section string) (string, error) {
	m.own++
	return redis.String(m.conns[node].Do("INFO", section))
}

// Close closes the connections.
func (m *Meter) Close() error {
	var err error
	for _, conn := range m.conns {
		err = errors.Join(err, conn.Close())
	}
	return err
}
