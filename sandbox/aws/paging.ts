export interface PageInput {
  readonly maxResults?: number;
  readonly nextToken?: string;
}

/** One page of a list. The token is the start of the next page. */
export function page<T>(all: readonly T[], { maxResults = 100, nextToken = '0' }: PageInput) {
  const end = Number(nextToken) + maxResults;
  return { items: all.slice(Number(nextToken), end), nextToken: end < all.length ? String(end) : undefined };
}
