import { Kind } from "../model";
import { containers, images } from "./containers";
import { files } from "./files";
import { firewall } from "./firewall";
import { directories, sysctls } from "./host";
import { objectStore } from "./object-store";
import { openSearch } from "./opensearch";
import { watch } from "./watch";

/**
 * Everything that is compared, in the order in which it is shown. Another kind is a function like these, the section of templates/scripts/verify-host.sh
 * that it reads, and its way back in repair.ts. A file that `RemoteFile` writes is compared already.
 */
export const KINDS: Kind[] = [
    directories,
    sysctls,
    files,
    firewall,
    images,
    containers,
    objectStore,
    openSearch,
    watch,
];
