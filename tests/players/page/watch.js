// Plays an address with one of the players and notes every frame that is presented.
import { readFrame } from "/page/barcode.js";

const WIDTH = 320;
const HEIGHT = 180;
/** Rows of the canvas that carry the code. */
const CODE_HEIGHT = Math.ceil((HEIGHT * 3) / 24);

/** Each starts a player and calls `ended` when the player says so; native events are heard by `watch` itself. */
const players = {
  async "hls.js"(video, url, { failed }) {
    const player = new window.Hls({ enableWorker: true });
    player.on(window.Hls.Events.ERROR, (_, data) => data.fatal && failed(`${data.type} ${data.details}`));
    player.loadSource(url);
    player.attachMedia(video);
    await new Promise((parsed) => player.once(window.Hls.Events.MANIFEST_PARSED, parsed));
  },
  async shaka(video, url, { failed }) {
    window.shaka.polyfill.installAll();
    const player = new window.shaka.Player();
    await player.attach(video);
    player.addEventListener("error", (event) => failed(`shaka ${event.detail.code}`));
    await player.load(url);
  },
  async "dash.js"(video, url, { failed, ended }) {
    const player = window.dashjs.MediaPlayer().create();
    player.on("error", (event) => failed(`dash.js ${event.error?.code} ${event.error?.message}`));
    // It looks at the clock five times a second; when it finds the end first it pauses there, and the element's
    // own event never comes.
    player.on("playbackEnded", ended);
    player.initialize(video, url, false);
    await new Promise((ready) => player.on("streamInitialized", ready));
  },
};

/** Notes each presented frame: its presentation time, the browser's count of presented frames, and the pixels of its code. */
function noteFrames(video) {
  const options = { willReadFrequently: true };
  const context = new OffscreenCanvas(WIDTH, CODE_HEIGHT).getContext("2d", options);
  const notes = [];
  const look = (_, { mediaTime, presentedFrames }) => {
    context.drawImage(video, 0, 0, WIDTH, HEIGHT);
    const { data } = context.getImageData(0, 0, WIDTH, CODE_HEIGHT);
    notes.push({ time: mediaTime, presented: presentedFrames, pixels: data });
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  return notes;
}

/** Lengths in ms of the waits after playback first began. */
function noteStalls(video) {
  const stalls = [];
  let began = false;
  let since = null;
  video.addEventListener("waiting", (event) => began && (since ??= event.timeStamp));
  video.addEventListener("playing", (event) => {
    if (since !== null) stalls.push(event.timeStamp - since);
    since = null;
    began = true;
  });
  return stalls;
}

/** Codes are read once playback is over: the callback must be quick, or it misses the next frame. */
function readNotes(notes) {
  const read = notes.map(({ time, presented, pixels }) => ({ frame: readFrame(pixels, WIDTH, HEIGHT), time, presented }));
  return { frames: read.filter(({ frame }) => frame !== null), unread: read.filter(({ frame }) => frame === null).length };
}

/** What a viewer saw: frames, stalls in ms, and how it ended. */
window.watch = async ({ player, url, rate, patienceMs }) => {
  const video = document.getElementById("video");
  const seen = { ended: false, error: null };
  const failed = (reason) => (seen.error ??= reason);
  video.defaultPlaybackRate = rate;
  video.addEventListener("error", () => failed(`media element: ${video.error?.message}`));
  const notes = noteFrames(video);
  seen.stalls = noteStalls(video);
  const over = new Promise((done) => {
    const ended = () => ((seen.ended = true), done());
    video.addEventListener("ended", ended);
    players[player](video, url, { failed, ended })
      .then(() => video.play())
      .catch((error) => (failed(String(error?.code ?? error)), done()));
    setTimeout(done, patienceMs);
  });
  await over;
  return {
    ...seen,
    ...readNotes(notes),
    rate: video.playbackRate,
    position: video.currentTime,
    duration: video.duration,
    dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
  };
};
window.ready = true;
