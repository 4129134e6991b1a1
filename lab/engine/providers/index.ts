// The packages this engine knows: just those that the project uses.
import { commandPackage } from "./command";
import { dockerPackage } from "./docker";
import { randomPackage } from "./random";
import { tlsPackage } from "./tls";
import { ProviderPackage } from "./types";

export const packages: Record<string, ProviderPackage> = {
    command: commandPackage,
    docker: dockerPackage,
    random: randomPackage,
    tls: tlsPackage,
};
