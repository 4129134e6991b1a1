package otlpfailoverexporter

import (
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// How long another address than the first is kept to before the first is tried again.
const returnAfter = 10 * time.Second

// firstThatTakes remembers which address worked last: one that is away costs its time limit once in a while, not each time.
type firstThatTakes struct {
	mutex   sync.Mutex
	current int
	since   time.Time
}

// of tries each of count addresses once. Errors: none took it. One that says that the data are wrong speaks for all.
func (f *firstThatTakes) of(count int, send func(at int) error) error {
	var failures []error
	from := f.preferred()
	for try := range count {
		at := (from + try) % count
		err := send(at)
		if err == nil {
			f.keepTo(at)
			return nil
		}
		if status.Code(err) == codes.InvalidArgument {
			return err
		}
		failures = append(failures, forNow(err))
	}
	return errors.Join(failures...)
}

// Upstream's exporter gives data up for a wrong password, or for an error inside the receiver. Both are somebody's to mend: the data wait.
func forNow(err error) error {
	if consumererror.IsPermanent(err) {
		return errors.New(err.Error())
	}
	return err
}

func (f *firstThatTakes) preferred() int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.current != 0 && time.Since(f.since) > returnAfter {
		f.current = 0
	}
	return f.current
}

func (f *firstThatTakes) keepTo(at int) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if at != f.current {
		f.current, f.since = at, time.Now()
	}
}
