#!/usr/bin/env node
import { Command } from "commander";
import { serveCommand } from "./serve.ts";
import { version } from "./version.ts";

const program = new Command("batchai")
  .description("The Batch AI service (API version 2018-05-01) on this machine")
  .version(version)
  .addCommand(serveCommand());

try {
  await program.parseAsync();
} catch (error) {
  console.error(`batchai: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
