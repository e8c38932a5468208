// ad hoc: PORT env; args: JSON of {packages, command, args, stdin, terminal...}
import { chromium } from "@playwright/test";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { browserArguments, requireBrowser } from "./scripts/browser.mjs";
const PORT = "5500";
const server = spawn(process.execPath, ["--import", "tsx", "e2e/server.ts", PORT], { stdio: "inherit" });
await new Promise(r => setTimeout(r, 2500));
const browser = await chromium.launch({ executablePath: requireBrowser().path, args: browserArguments() });
const page = await browser.newPage();
page.on("console", m => console.log("PAGE", m.text()));
page.on("pageerror", m => console.log("PAGEERROR", m.message));
await page.goto(`http://localhost:${PORT}/pages/library.html`);
await page.waitForFunction(() => document.title === "ready");
const jobs = JSON.parse(readFileSync(process.argv[2]!, "utf8"));
for (const job of jobs) {
  const from = Date.now();
  const told = await Promise.race([page.evaluate(async (job: any) => {
    const P = (globalThis as any).porthole;
    try {
      const sandbox = await P.Sandbox.create({ packages: job.packages });
      sandbox.addEventListener?.("warning", (e: any) => console.log("WARN " + (e.message ?? e.detail?.message)));
      const process = await sandbox.command(job.command, job.args ?? [], job.options ?? {}).spawn();
      const out = new Response(process.stdout).text(), err = new Response(process.stderr).text();
      if (job.stdin !== undefined) { const w = process.stdin.getWriter(); await w.write(job.stdin); await w.close(); }
      if (job.kill) setTimeout(() => process.kill(job.kill), 500);
      const status = await Promise.race([process.status, new Promise(r => setTimeout(() => r("TIMEOUT"), job.ms ?? 8000))]) as any;
      if (status === "TIMEOUT") process.kill("SIGKILL");
      const o = await Promise.race([out, new Promise(r => setTimeout(() => r("(no end)"), 2000))]), e = await Promise.race([err, new Promise(r => setTimeout(() => r("(no end)"), 2000))]);
      const trap = status.trap && (status.trap.message + "\n" + (status.trap.stack ?? "").split("\n").slice(0, 12).join("\n"));
      await Promise.race([sandbox.close(), new Promise(r => setTimeout(r, 3000))]);
      return { status: status === "TIMEOUT" ? status : { ...status, trap }, out: String(o).slice(0, job.most ?? 1500), err: String(e).slice(0, 1500) };
    } catch (error: any) { return { error: `${error.code}: ${error.message}` }; }
  }, job), new Promise(r => setTimeout(() => r("DRIVER TIMEOUT"), 25000))]) as any;
  console.log(`== ${job.command} ${(job.args ?? []).join(" ").slice(0, 200)} (${Date.now() - from} ms)`);
  if (typeof told === "string" || told.error) console.log(told); else { console.log(JSON.stringify({ ...told.status, trap: undefined })); if (told.status.trap) console.log(told.status.trap); if (told.out) console.log(told.out); if (told.err) console.log("ERR:", told.err); }
}
await browser.close(); server.kill(); process.exit(0);
