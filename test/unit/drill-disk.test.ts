import { describe, expect, it } from "vitest";
import { fillRefusal, MOST_FILLED_BYTES } from "../../ops/drill/faults/disk";

describe("a disk that is to be filled", () => {
    it("is a file system of its own", () => {
        expect(fillRefusal("mid-1", "/data/wal", [1_000_000, 7, 1])).toBeUndefined();
        expect(fillRefusal("mid-1", "/data/wal", [1_000_000, 7, 7])).toMatch(
            /^\/data\/wal of mid-1 is not the mount point/,
        );
    });

    it("is not a large one", () => {
        expect(fillRefusal("mid-1", "/data/wal", [MOST_FILLED_BYTES, 7, 1])).toBeUndefined();
        expect(fillRefusal("mid-1", "/data/wal", [2 * MOST_FILLED_BYTES, 7, 1])).toMatch(
            /has 128 GiB free; more than 64 GiB are not filled/,
        );
    });
});
