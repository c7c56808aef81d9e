import { imageDetails, StartError } from "../../startError.ts";
import type { LaunchContainer } from "../engine.ts";

/** Hosts of Docker Hub: images of it have no host in their names. */
const dockerHub = /^(.*\.)?docker\.(io|com)$/;

/** More than registries allow. */
const mostCharacters = 512;

/** Returns the image with its registry and its tag: the server of the job is put in front of an image that has no registry. */
export function imageReferenceOf({ image, serverUrl }: Pick<LaunchContainer, "image" | "serverUrl">): string {
  const host = hostOf(serverUrl);
  const isPlain = host === undefined || dockerHub.test(host) || hasRegistry(image);
  return withTag(isPlain ? image : `${host}/${image}`);
}

/**
 * Rejects what cannot be the name of an image. The names are parts of paths in requests to the engine.
 * @throws StartError
 */
export function checkReference(reference: string): void {
  const parts = reference.split("/");
  const isPlausible = parts.every((part) => /^[a-z0-9_][\w.:@+-]*$/i.test(part)) && reference.length <= mostCharacters;
  if (isPlausible) return;
  const shown = JSON.stringify(reference.slice(0, mostCharacters));
  throw new StartError("FailedStartingContainer", `${shown} is not the name of an image.`, {
    target: "properties.containerSettings.imageSourceRegistry.image",
    details: imageDetails({ image: reference.slice(0, mostCharacters) }),
  });
}

/** Returns the server for which the credentials of an image are. */
export function registryOf({ image, serverUrl }: Pick<LaunchContainer, "image" | "serverUrl">): string {
  const host = hostOf(serverUrl);
  if (host !== undefined && !dockerHub.test(host)) return host;
  const [first = ""] = image.split("/");
  return hasRegistry(image) && !dockerHub.test(first) ? first : "https://index.docker.io/v1/";
}

/** Without a tag, engines pull all tags of an image. */
function withTag(image: string): string {
  const name = image.slice(image.lastIndexOf("/") + 1);
  return /[:@]/.test(name) ? image : `${image}:latest`;
}

/** Like Docker: the first part of a name is a registry if it cannot be that of a user. */
function hasRegistry(image: string): boolean {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
}

function hostOf(serverUrl: string | undefined): string | undefined {
  const host = serverUrl
    ?.trim()
    .replace(/^[a-z]+:\/\//i, "")
    .split("/", 1)[0];
  return host === "" ? undefined : host;
}
