package otlpfailoverexporter

import (
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var errAway = errors.New("away")

func TestTheFirstThatTakesIsKeptTo(t *testing.T) {
	first := &firstThatTakes{}
	var asked []int
	send := func(at int) error {
		asked = append(asked, at)
		if at == 0 {
			return errAway
		}
		return nil
	}
	for range 2 {
		if err := first.of(3, send); err != nil {
			t.Error(err)
		}
	}
	// Then the preferred one is tried again.
	first.since = time.Now().Add(-time.Minute)
	_ = first.of(3, send)
	if want := []int{0, 1, 1, 0, 1}; !equal(asked, want) {
		t.Errorf("asked %v, not %v", asked, want)
	}
}

func equal(one, other []int) bool {
	for at := range one {
		if len(one) != len(other) || one[at] != other[at] {
			return false
		}
	}
	return true
}

func TestWhatNobodyTakesIsKept(t *testing.T) {
	for name, err := range map[string]error{
		"away":           errAway,
		"wrong password": consumererror.NewPermanent(status.Error(codes.Unauthenticated, "who?")),
		"its own error":  consumererror.NewPermanent(status.Error(codes.Internal, "oops")),
	} {
		asked := 0
		got := (&firstThatTakes{}).of(3, func(int) error { asked++; return err })
		if got == nil || consumererror.IsPermanent(got) || asked != 3 {
			t.Errorf("%s: %v after %d", name, got, asked)
		}
	}
}

func TestWhatIsWrongIsSentToNobodyElse(t *testing.T) {
	asked := 0
	wrong := consumererror.NewPermanent(status.Error(codes.InvalidArgument, "no trace id"))
	err := (&firstThatTakes{}).of(3, func(int) error { asked++; return wrong })
	if !consumererror.IsPermanent(err) || asked != 1 {
		t.Errorf("%v after %d", err, asked)
	}
}
