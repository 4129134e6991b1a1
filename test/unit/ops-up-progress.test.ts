import { describe, expect, it } from "vitest";
import { UpdateProgress } from "../../ops/up/progress";

describe("progress", () => {
    it("says what a person waits for, once", () => {
        const progress = new UpdateProgress("mid-1");
        const lines = [
            " +  docker:index:Container mid-1-loki creating",
            " +  docker:index:Container mid-1-loki created (0.3s)",
            " ~  command:remote:Command mid-1-loki-ready updated (1s) [diff: ~stdin]",
            " ~  otel-ha:index:Loki mid-1-loki updated (0s)",
            "    command:remote:Command mid-1-minio-ready open: the other host is missing",
            "  command:remote:Command (mid-1-minio-ready): open: the other host is missing",
            " ~  command:remote:Command mid-1-loki-config.yaml **failed**",
        ];
        expect(lines.map((line) => progress.read(line)).filter(Boolean)).toEqual([
            "loki started",
            "loki ready",
            "open: the other host is missing",
            "loki-config.yaml FAILED",
        ]);
    });
});
