#!/usr/bin/env node
import { Command } from "commander";
import { filesCommand } from "./files.ts";
import { serveCommand } from "./serve.ts";
import { version } from "./version.ts";

const program = new Command("batchai")
  .description("The Batch AI service (API version 2018-05-01) and Azure file shares on this machine")
  .version(version)
  .addCommand(serveCommand())
  .addCommand(filesCommand());

// What is printed is for people. A full disk or a closed terminal must not end the service.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

try {
  checkNode(process.versions.node);
  await program.parseAsync();
} catch (error) {
  console.error(`batchai: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

/**
 * Throws if Node.js is too old: without `node:sqlite`, its own message would not help. Same limit as `engines` in
 * package.json.
 */
function checkNode(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 13)) return;
  throw new Error(`Node.js 22.13 or later is required; this is ${version}. Install it from https://nodejs.org.`);
}
