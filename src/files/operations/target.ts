import { locate, requireFile } from "../disk/tree.ts";
import type { FoundPlace, LocatedPlace, LocateOptions } from "../disk/tree.ts";
import type { StorageRequest } from "../http/request.ts";
import type { Share } from "../shares/share.ts";
import { snapshotAt } from "../shares/snapshots.ts";
import type { Exchange } from "./exchange.ts";

/** Returns the share or snapshot that a request names. Throws if it does not exist. */
export function shareOf({ request, storage }: Exchange): Share {
  const share = storage.share({ accountName: request.account, shareName: request.share ?? "" });
  const time = request.query.get("sharesnapshot") ?? "";
  return time === "" ? share : snapshotAt(storage, share, time);
}

/** The place of a request in its share. */
export interface Target {
  readonly share: Share;
  readonly place: LocatedPlace;
}

/** Returns the place that a request names. */
export function targetOf(exchange: Exchange, options?: Pick<LocateOptions, "looksOnly">): Target {
  const share = shareOf(exchange);
  return { share, place: placeIn(share, exchange.request, options) };
}

/** Returns the place that a request names in a given share or snapshot. */
export function placeIn(
  share: Share,
  request: StorageRequest,
  options?: Pick<LocateOptions, "looksOnly">,
): LocatedPlace {
  const keepTrailingDots = request.header("x-ms-allow-trailing-dot")?.toLowerCase() === "true";
  return locate(share, request.path, { ...options, keepTrailingDots });
}

/** Returns the file that a request names. Throws if it does not exist. */
export function fileTarget(exchange: Exchange, options?: Pick<LocateOptions, "looksOnly">): FileTarget {
  const { share, place } = targetOf(exchange, options);
  return { share, place: requireFile(place) };
}

type FileTarget = Target & { readonly place: FoundPlace };
