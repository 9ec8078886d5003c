// Between the steps of long work other things get their turn: events, timers, what a page draws.

interface Schedulers {
  readonly scheduler?: { readonly yield?: () => Promise<void> };
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly MessageChannel?: typeof MessageChannel;
  readonly setTimeout: (callback: () => void) => unknown;
}

/** Lets the event loop have a turn, by the host's fastest means: browsers make nested timers wait for 4 ms. */
export function nextTurn(): Promise<void> {
  const { scheduler, setImmediate, MessageChannel: Channel, setTimeout } = globalThis as unknown as Schedulers;
  if (scheduler?.yield !== undefined) return scheduler.yield();
  return new Promise((resolve) => {
    if (setImmediate !== undefined) setImmediate(resolve);
    else if (Channel === undefined) setTimeout(resolve);
    else {
      const { port1, port2 } = new Channel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    }
  });
}

/** Throws the signal's reason once it has been aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  // The reason is the caller's, an error or not.

  if (signal?.aborted) throw signal.reason;
}
