// Keeps the reports of the public API in docs/api/, one for each entry point.   node scripts/apiReport.ts
// writes them   node scripts/apiReport.ts --check   fails if the reports do not match the code
import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { build } from "tsup";
import { entries } from "../tsup.config.ts";

const check = process.argv.includes("--check");
mkdirSync("docs/api", { recursive: true });

await build({
  config: false,
  silent: true,
  entry: entries,
  format: ["esm"],
  dts: { only: true },
  outDir: "temp/types",
});
const passed = Object.keys(entries).map(reportOn);
process.exit(passed.every(Boolean) ? 0 : 1);

function reportOn(entry: string): boolean {
  const fileName = `${["batchai", ...entry.split("/").slice(0, -1)].join(".")}.api.md`;
  const report = `docs/api/${fileName}`;
  if (check && !existsSync(report)) {
    console.error(`${report} is missing. Run \`npm run api\` and commit it.`);
    return false;
  }

  const configObject = ExtractorConfig.loadFile("api-extractor.json");
  configObject.mainEntryPointFilePath = `<projectFolder>/temp/types/${entry}.d.ts`;
  configObject.apiReport = { ...configObject.apiReport, enabled: true, reportFileName: fileName };
  const extractorConfig = ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: resolve("api-extractor.json"),
    packageJsonFullPath: resolve("package.json"),
  });
  const { succeeded } = Extractor.invoke(extractorConfig, { localBuild: !check, printApiReportDiff: check });
  if (!succeeded)
    console.error(`${report}: see above. If the public API was meant to change, run \`npm run api\` and commit it.`);
  return succeeded;
}
