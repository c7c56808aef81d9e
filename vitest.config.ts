import { defineConfig } from "vitest/config";

const inCi = Boolean(process.env.CI);

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    // The tests start services and jobs, so two files at a time keep two cores busy and the timings honest.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    restoreMocks: true,
    // .ci/run counts the results in this file.
    reporters: inCi ? ["default", ["json", { outputFile: "temp/test-results.json" }]] : ["default"],
  },
});
