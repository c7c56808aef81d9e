import { ContainerEngine } from "../../src/service/engines/docker/containerEngine.ts";
import { containersLeft } from "../containers/containersLeft.ts";
import { imageExists, imageTar, loadImage } from "../containers/images.ts";
import type { DaemonName } from "../containers/daemons.ts";
import { sharedDaemon } from "../containers/sharedBed.ts";
import type { EngineUnderTest } from "./engineUnderTest.ts";

/** busybox has a `setsid` without this option. */
const setsid = `#!/bin/sh
if [ "$1" = -f ]; then shift; /bin/busybox setsid "$@" & exit; fi
exec /bin/busybox setsid "$@"
`;

/**
 * The container engine with one of the engines of the test bed.
 * @param bash - Path of the bash in the image. Default: that of this machine.
 */
export async function openContainerEngine(name: DaemonName, bash?: string): Promise<EngineUnderTest> {
  const { socket, address } = await sharedDaemon(name);
  const image = "conformance/programs:1";
  if (!(await imageExists(socket, image))) {
    await loadImage(socket, image, await imageTar({ bash, files: { "usr/local/bin/setsid": setsid } }));
  }
  return {
    makeEngine: (runsFolder, gracePeriodInMs = 1000) =>
      new ContainerEngine({ runsFolder, gracePeriodInMs, serviceId: "conformance", containerEngine: address }),
    planParts: (folder) => ({ container: { image }, scratchRoots: [folder] }),
    leftovers: (runIds) => containersLeft(socket, runIds),
  };
}
