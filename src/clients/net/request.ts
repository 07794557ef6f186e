import type { Dispatcher } from 'undici';

type RequestOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & {
  readonly method?: Dispatcher.HttpMethod;
  readonly dispatcher: Dispatcher;
};

/** Sends one HTTP request by a dispatcher of {@link Net}. */
export function request(
  address: string | URL,
  { dispatcher, method = 'GET', ...options }: RequestOptions,
): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(address);
  return dispatcher.request({ ...options, method, origin, path: pathname + search });
}
