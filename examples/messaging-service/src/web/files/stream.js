// Follows the server-sent events of a conversation.

const LOOK_AGAIN = 2_000;

// Calls `listeners` with the data of each event by its name, `opened` when the connection is open and `lost` when it
// breaks. The browser reconnects by itself and asks for what it missed. If it gives up, the stream is reopened from the
// beginning. A browser opens at most six connections to a server: a hidden page closes its stream and catches up when it
// is shown.
export function follow(path, { opened, lost, ...listeners }) {
  let stream;
  const open = () => {
    stream?.close();
    const events = (stream = new EventSource(path));
    events.addEventListener("open", opened);
    for (const [name, listener] of Object.entries(listeners)) {
      events.addEventListener(name, ({ data }) => listener(JSON.parse(data)));
    }
    events.addEventListener("error", () => {
      lost();
      if (events.readyState === EventSource.CLOSED && events === stream && !document.hidden) setTimeout(open, LOOK_AGAIN);
    });
  };
  open();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stream.close();
    else open();
  });
}
