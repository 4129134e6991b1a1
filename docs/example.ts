import * as pulumi from "@pulumi/pulumi";
import { Host, Prometheus, prometheusRequirements, PrometheusSettings } from "../components";

const settings: PrometheusSettings = { node: "metrics-1", retention: "30d" };

// Checked and prepared for what runs on it. Without privateKey the SSH agent is used.
const host = new Host("metrics-1", {
    address: "10.0.0.7",
    hostKey: new pulumi.Config().require("hostKey"),
    requirements: [prometheusRequirements(settings)],
});

const prometheus = new Prometheus("metrics-1-prometheus", { host, settings });

export const container = prometheus.container;
