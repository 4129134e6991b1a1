import { initStacks, makeProject, setSettings, pulumi } from "./lab/project";
import { STATE_DIR } from "./lab/paths";
import { join } from "node:path";
(async () => {
  const p = makeProject(join(STATE_DIR, "test-project"));
  await initStacks(p);
  for (const s of ["node1","node2"] as const) setSettings(p, s, { tls: process.argv[2] ?? "internal" });
  const t = Date.now();
  const r = await Promise.all((["node1","node2"] as const).map((s) => pulumi(p, ["up","--yes","--skip-preview","--stack",s])));
  for (const x of r) console.log(x.code, x.stdout.slice(-3000), x.stderr.slice(-3000));
  console.log((Date.now()-t)/1000);
})();
