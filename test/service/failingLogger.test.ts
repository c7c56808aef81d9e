import { expect, it } from "vitest";
import type { Logger } from "../../src/service/index.ts";
import { EmbeddedService } from "./embeddedService.ts";

it("a logger that fails keeps no job from starting and ending", async () => {
  const fail = (): never => {
    throw new Error("made up by the test: the pipe of the log is closed");
  };
  const logger: Logger = { debug() {}, info: fail, warn: fail, error: fail };
  const embedded = await EmbeddedService.start({ logger });
  await embedded.arm.prepare();
  expect(await embedded.run("job", "exit 3")).toMatchObject({ executionInfo: { exitCode: 3 } });
  await embedded.close();
});
