// Reads the barcode of fixture films from RGBA pixels; the layout is documented in crates/media/src/barcode.rs.
const COLUMNS = 48;
const ROWS = 24;
const WHITE_MIN = 126;

function level(pixels, width, height, row, column) {
  const edge = (index, count, size) => Math.floor((index * size) / count);
  const [x0, x1] = [edge(column, COLUMNS, width), edge(column + 1, COLUMNS, width)];
  const [y0, y1] = [edge(row, ROWS, height), edge(row + 1, ROWS, height)];
  const [dx, dy] = [Math.floor((x1 - x0) / 4), Math.floor((y1 - y0) / 4)];
  let sum = 0;
  let count = 0;
  for (let y = y0 + dy; y < y1 - dy; y += 1) {
    for (let x = x0 + dx; x < x1 - dx; x += 1) {
      sum += pixels[(y * width + x) * 4 + 1];
      count += 1;
    }
  }
  return sum / count;
}

function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
  }
  return crc;
}

/** What the barcode of a picture of `width`×`height` pixels says, or null. Only the top eighth need be drawn. */
export function readMark(pixels, width, height) {
  const bytes = new Uint8Array(12);
  for (let bit = 0; bit < 96; bit += 1) {
    if (level(pixels, width, height, Math.floor(bit / 32), bit % 32) >= WHITE_MIN) {
      bytes[bit >> 3] |= 0x80 >> (bit & 7);
    }
  }
  const view = new DataView(bytes.buffer);
  if (crc16(bytes.subarray(0, 10)) !== view.getUint16(10)) return null;
  return { frame: view.getUint32(0), epochMs: view.getUint16(4) * 2 ** 32 + view.getUint32(6) };
}

/** The frame number of a picture, or null; as `readMark`. */
export const readFrame = (pixels, width, height) => readMark(pixels, width, height)?.frame ?? null;

/** Whether the flash is lit. */
export const readFlash = (pixels, width, height) => level(pixels, width, height, 1, 45) >= WHITE_MIN;
