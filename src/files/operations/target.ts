import { locate, requireFile } from "../disk/tree.ts";
import type { FoundPlace, LocatedPlace, LocateOptions } from "../disk/tree.ts";
import type { StorageRequest } from "../http/request.ts";
import type { Share } from "../shares/share.ts";
import { snapshotAt } from "../shares/snapshots.ts";
import type { Exchange } from "./exchange.ts";

/** The share, or snapshot of a share, that the request addresses. Throws when it does not exist. */
export function shareOf({ request, storage }: Exchange): Share {
  const share = storage.share({ accountName: request.account, shareName: request.share ?? "" });
  const time = request.query.get("sharesnapshot") ?? "";
  return time === "" ? share : snapshotAt(storage, share, time);
}

/** Where a request points to inside its share. */
export interface Target {
  readonly share: Share;
  readonly place: LocatedPlace;
}

/** Finds the place that the request addresses. */
export function targetOf(exchange: Exchange, options?: Pick<LocateOptions, "looksOnly">): Target {
  const share = shareOf(exchange);
  return { share, place: placeIn(share, exchange.request, options) };
}

/** Finds the place that a request names, in its share or a snapshot of that. */
export function placeIn(
  share: Share,
  request: StorageRequest,
  options?: Pick<LocateOptions, "looksOnly">,
): LocatedPlace {
  const keepTrailingDots = request.header("x-ms-allow-trailing-dot")?.toLowerCase() === "true";
  return locate(share, request.path, { ...options, keepTrailingDots });
}

/** The file that the request addresses. Throws when there is none. */
export function fileTarget(exchange: Exchange, options?: Pick<LocateOptions, "looksOnly">): FileTarget {
  const { share, place } = targetOf(exchange, options);
  return { share, place: requireFile(place) };
}

type FileTarget = Target & { readonly place: FoundPlace };
