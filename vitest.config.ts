import { defineConfig } from "vitest/config";

const inCi = Boolean(process.env.CI);

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
    globalSetup: ["test/stateHome.ts", "test/containers/globalSetup.ts"],
    pool: "forks",
    // The tests start services and jobs, so two files at a time keep two cores busy and the timings honest.
    maxWorkers: 2,
    // Deadlines only end what hangs: a machine may be several times slower than the one on which the tests were written.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 30_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
    restoreMocks: true,
    // .ci/run counts the results in this file.
    reporters: inCi ? ["default", ["json", { outputFile: "temp/test-results.json" }]] : ["default"],
  },
});
