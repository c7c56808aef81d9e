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

try {
  await program.parseAsync();
} catch (error) {
  console.error(`batchai: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
