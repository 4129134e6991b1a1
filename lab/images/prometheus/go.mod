module otel-ha/lab/images/prometheus

go 1.25.0

// v0.307.3 is what Prometheus calls its release 3.7.3 as a Go module.
require github.com/prometheus/prometheus v0.307.3

// Prometheus' own excludes: a dependency's excludes do not reach us by themselves.
exclude (
	github.com/grpc-ecosystem/grpc-gateway v1.14.7
	github.com/linode/linodego v1.0.0
	google.golang.org/api v0.30.0
)
