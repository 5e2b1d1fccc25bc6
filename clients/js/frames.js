/** How frames are read. No socket, no clock. */

/** What one websocket message holds: a frame, or an array of frames. */
export function decode(text) {
  let found = {}; // if it is not a frame of this protocol
  try {
    found = JSON.parse(text) ?? {};
  } catch {
    // reported as an empty frame
  }
  if (!Array.isArray(found)) return [{ text, json: typeof found === "object" ? found : {} }];
  const frames = found.filter((each) => each !== null && typeof each === "object");
  return frames.map((json) => ({ text: JSON.stringify(json), json }));
}
