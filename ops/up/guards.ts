import type { AnyDeployment } from "../deployment";
import type { Status } from "../status/model";
import type { ApmStatus } from "../status/apm/judge";
import type { Reader } from "../status/reader";
import { ApmGuard } from "./apm-guard";
import type { Course, Guard } from "./guard";
import { PairGuard } from "./pair-guard";

/** The guard of whichever system it is; `reader` is of the same. */
export const guardFor = (deployment: AnyDeployment, reader: Reader, course: Course): Guard =>
    deployment.system === "apm"
        ? new ApmGuard(deployment, reader as Reader<ApmStatus>, course)
        : new PairGuard(deployment, reader as Reader<Status>, course);
