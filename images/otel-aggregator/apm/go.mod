// Components of our own for the collectors of Container APM. Compiled into the collector by ../builder.yaml; not published.
module otel-ha.internal/apm

go 1.24.0

require (
	github.com/prometheus/client_model v0.6.2
	github.com/prometheus/common v0.67.1
	go.opentelemetry.io/collector/component v1.45.0
	go.opentelemetry.io/collector/config/configgrpc v0.139.0
	go.opentelemetry.io/collector/config/confighttp v0.139.0
	go.opentelemetry.io/collector/config/configretry v1.45.0
	go.opentelemetry.io/collector/consumer v1.45.0
	go.opentelemetry.io/collector/consumer/consumererror v0.139.0
	go.opentelemetry.io/collector/exporter v1.45.0
	go.opentelemetry.io/collector/exporter/exporterhelper v0.139.0
	go.opentelemetry.io/collector/exporter/otlpexporter v0.139.0
	go.opentelemetry.io/collector/pdata v1.45.0
	go.opentelemetry.io/collector/receiver v1.45.0
	go.opentelemetry.io/collector/scraper v0.139.0
	go.opentelemetry.io/collector/scraper/scraperhelper v0.139.0
	go.uber.org/zap v1.27.0
	google.golang.org/grpc v1.76.0
)
