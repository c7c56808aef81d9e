import { openContainerEngine } from "./containerFactory.ts";
import type { EngineUnderTest } from "./engineUnderTest.ts";

export function openEngine(): Promise<EngineUnderTest> {
  return openContainerEngine("podman");
}
