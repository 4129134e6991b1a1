// A host that says on the network that it has the virtual IP.
import { inLab, labExec } from "../../../lab/hosts";
import { LabNode, NETWORK } from "../../../lab/nodes";
import { vipOwners } from "../../../lab/queries";
import { sleep } from "../../../lab/run";
import { STRANGER } from "./wire";

const EVERY_SECONDS = 0.2;

// VRRP 2 (RFC 3768, section 5.1): router 51 with the highest priority there is, one address, a password, and a checksum that is right.
const ANNOUNCER = `
    use Socket;
    my ($from, $vip, $times, $pause) = @ARGV;
    chomp(my $password = <STDIN>);
    socket(my $s, AF_INET, SOCK_RAW, 112) or die "$!";
    bind($s, pack_sockaddr_in(0, inet_aton($from))) or die "$!";
    setsockopt($s, 0, 32, inet_aton($from)) or die "$!";
    setsockopt($s, 0, 33, pack("C", 255)) or die "$!";
    my $advert = sub { pack("C6n a4", 0x21, 51, 255, 1, 1, 1, $_[0], inet_aton($vip)) . pack("a8", $password) };
    my $sum = unpack("%32n*", $advert->(0));
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    for (1 .. $times) {
        send($s, $advert->(~$sum & 0xffff), 0, pack_sockaddr_in(0, inet_aton("224.0.0.18"))) or die "$!";
        select(undef, undef, undef, $pause);
    }`;

/** Announces from the stranger's address, five times a second. Errors: what perl says. */
export async function announce({ password, seconds }: { password: string; seconds: number }): Promise<void> {
    const times = String(seconds / EVERY_SECONDS);
    const words = ["perl", "-e", ANNOUNCER, STRANGER, NETWORK.vip, times, String(EVERY_SECONDS)];
    const sent = await inLab(words, { input: `${password}\n` });
    if (sent.code !== 0) throw new Error(sent.stderr);
}

/** Looks who owns the virtual IP until the result is called; every set of owners that was seen, "" for none. */
export function ownersDuring(): () => Promise<string[]> {
    const seen = new Set<string>();
    let stopped = false;
    const looking = (async () => {
        do {
            seen.add((await vipOwners()).join());
            await sleep(100);
        } while (!stopped);
    })();
    return async () => {
        stopped = true;
        await looking;
        return [...seen];
    };
}

/** Packets that one of the firewall's chains has dropped since it was loaded. */
export async function droppedPackets(node: LabNode, chain: string): Promise<number> {
    const { stdout } = await labExec(node.name, ["nft", "list", "chain", "inet", "otel_ha", chain]);
    return Number(/counter packets (\d+)/.exec(stdout)?.[1]);
}
