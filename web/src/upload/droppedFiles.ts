interface Dropped {
  files: File[];
  /** Folders among what was dropped; they are not uploaded. */
  folders: number;
}

/** The files of a drop, in their order. */
export function droppedFiles(transfer: DataTransfer): Dropped {
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const files: File[] = [];
  let folders = 0;
  for (const item of items) {
    const file = item.getAsFile();
    if (item.webkitGetAsEntry()?.isDirectory) folders += 1;
    else if (file) files.push(file);
  }
  return { files, folders };
}

export const carriesFiles = (event: DragEvent): boolean =>
  event.dataTransfer?.types.includes('Files') ?? false;
