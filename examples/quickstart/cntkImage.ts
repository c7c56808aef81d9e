import type { Job } from "../../src/index.ts";

/** Container image of the article. */
export const CNTK_IMAGE = "microsoft/cntk:2.1-gpu-python3.5-cuda8.0-cudnn6.0";

/** Whether a job failed because the service could not start its container. */
export function lacksContainer(job: Job): boolean {
  return job.executionInfo?.errors?.some(({ code }) => code === "FailedStartingContainer") ?? false;
}

/** Says how to provide an image on this machine. */
export function howToProvide(image: string): string {
  return `
The job needs Docker or podman on the machine of the service, and the image ${image}.
To build the image with CNTK 2.7, in about three minutes, and give it to Docker or to podman:
  sudo scripts/buildCntkImage.sh /var/tmp/cntk.tar
  sudo docker import /var/tmp/cntk.tar ${image}
  sudo podman import /var/tmp/cntk.tar docker.io/${image}`;
}
