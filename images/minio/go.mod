// What cmp-minio is made of. Only used to pin versions: `go build -mod=mod github.com/minio/minio github.com/minio/mc`.
module otel-ha/images/minio

go 1.25.0

require (
	github.com/minio/mc v0.0.0-20250313080218-cf909e1063a9
	github.com/minio/minio v0.0.0-20260212201848-7aac2a2c5b7c
)
