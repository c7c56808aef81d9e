import { imageDetails, StartError } from "../../startError.ts";
import type { LaunchContainer } from "../engine.ts";

type ImageSource = Pick<LaunchContainer, "image" | "serverUrl">;

/** Hosts of Docker Hub: images of it have no host in their names. */
const dockerHub = /^(.*\.)?docker\.(io|com)$/i;

/** Name or IP address of a host, perhaps with a port. */
const hostPattern = /^(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?$/i;

/** More than registries allow. */
const mostCharacters = 512;

/**
 * Returns the image with its registry and its tag: the server of the job is put in front of an image that has no registry.
 * @throws StartError if the URL of the server has no host.
 */
export function imageReferenceOf(source: ImageSource): string {
  const { image } = source;
  const host = hostOf(source);
  const isPlain = host === undefined || dockerHub.test(host) || hasRegistry(image);
  return withTag(isPlain ? image : `${host}/${image}`);
}

/**
 * Rejects what cannot be the name of an image. The names are parts of paths in requests to the engine.
 * @throws StartError
 */
export function checkReference(reference: string): void {
  const parts = reference.split("/");
  const isName = (part: string, index: number): boolean => {
    return /^[a-z0-9_][\w.:@+-]*$/i.test(part) || (index === 0 && parts.length > 1 && hostPattern.test(part));
  };
  const isPlausible = reference.length <= mostCharacters && parts.every(isName);
  if (isPlausible) return;
  const shown = JSON.stringify(reference.slice(0, mostCharacters));
  throw new StartError("FailedStartingContainer", `${shown} is not the name of an image.`, {
    target: "properties.containerSettings.imageSourceRegistry.image",
    details: imageDetails({ image: reference.slice(0, mostCharacters) }),
  });
}

/** Returns the server for which the credentials of an image are. */
export function registryOf(source: ImageSource): string {
  const { image } = source;
  const host = hostOf(source);
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
  return rest.length > 0 && isRegistry(first);
}

function isRegistry(host: string): boolean {
  return /[.:]/.test(host) || host === "localhost";
}

/**
 * Returns the host of a registry; undefined if none is named. Engines take a name without a dot and a port for that of a
 * user of Docker Hub, and would send the password there. Errors do not show the URL: it may have a password.
 */
function hostOf({ image, serverUrl }: ImageSource): string | undefined {
  if (serverUrl === undefined || serverUrl === "") return undefined;
  const host = /^(?:https?:\/\/)?([^/]*)/i.exec(serverUrl.trim())?.[1] ?? "";
  if (!hostPattern.test(host))
    throw badServer(image, "must be the URL of a registry, such as https://registry.example.com");
  if (isRegistry(host)) return host;
  throw badServer(
    image,
    `must have a host with a dot or a port, such as https://${host}:443, got ${JSON.stringify(host)}`,
  );
}

function badServer(image: string, reason: string): StartError {
  return new StartError("FailedStartingContainer", `${reason}.`, {
    target: "properties.containerSettings.imageSourceRegistry.serverUrl",
    details: imageDetails({ image }),
  });
}
