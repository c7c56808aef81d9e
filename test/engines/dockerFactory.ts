import { openContainerEngine } from "./containerFactory.ts";
import type { EngineUnderTest } from "./engineUnderTest.ts";

/** Docker, with images like those of 2018: their bash is older than that of this machine. */
export function openEngine(): Promise<EngineUnderTest> {
  return openContainerEngine("docker", process.env.BATCHAI_TEST_BASH_43);
}
