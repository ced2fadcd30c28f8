/**
 * Builds the page into the folder named by PAGE_OUT (default: the runtime's page folder), or
 * with --tests builds and runs the unit tests, or with --portrait the sculptors' page.
 * tools/page.py calls this.
 */
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.env.PAGE_OUT ?? join(here, "../digital_human_runtime/page"));
const common = { bundle: true, format: "esm", target: "es2022", absWorkingDir: here, logLevel: "warning" };

/** The licence texts of every package whose code went into the bundles. */
function thirdParty(inputs) {
  const names = new Set();
  for (const input of inputs) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input);
    if (found) names.add(found[1]);
  }
  const texts = [...names].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    if (!file) throw new Error(`${name} ships no licence text: it cannot be bundled.`);
    const text = readFileSync(join(folder, file), "utf8").trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return `The page contains these packages.\n\n${texts.join(`\n${"-".repeat(78)}\n\n`)}`;
}

async function page() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const main = await build({
    ...common,
    entryPoints: { page: "src/main.ts", style: "src/page.css" },
    outdir: out,
    minify: true,
    splitting: true,
    metafile: true,
    loader: { ".woff2": "file" },
    assetNames: "[name]",
    chunkNames: "[name]-[hash]",
  });
  const threads = { worklet: "src/audio/worklet-processor.ts", capture: "src/audio/capture-processor.ts" };
  await build({ ...common, entryPoints: threads, outdir: out, minify: true });
  for (const file of ["index.html", "icon.svg"]) copyFileSync(join(here, "src", file), join(out, file));
  const used = Object.values(main.metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  writeFileSync(join(out, "THIRD-PARTY.txt"), thirdParty(used));
}

/** A page that shows the head alone, for sculpting: build/portrait/index.html. */
async function portrait() {
  const folder = resolve(here, "../../build/portrait");
  mkdirSync(folder, { recursive: true });
  await build({ ...common, format: "iife", entryPoints: ["portrait/portrait.ts"], outdir: folder });
  copyFileSync(join(here, "portrait/index.html"), join(folder, "index.html"));
}

async function tests() {
  const folder = join(here, "node_modules", ".tests");
  rmSync(folder, { recursive: true, force: true });
  const entryPoints = readdirSync(join(here, "test")).filter((f) => f.endsWith(".test.ts")).map((f) => `test/${f}`);
  await build({ ...common, entryPoints, outdir: folder, platform: "node", sourcemap: "inline" });
  const files = readdirSync(folder).map((file) => join(folder, file));
  const arguments_ = ["--enable-source-maps", "--test", ...files];
  process.exitCode = spawnSync(process.execPath, arguments_, { stdio: "inherit" }).status ?? 1;
}

if (!existsSync(join(here, "node_modules"))) throw new Error("Run npm ci first.");
const kinds = { "--tests": tests, "--portrait": portrait };
await (kinds[process.argv[2]] ?? page)();
