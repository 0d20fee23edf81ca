type OnFiles = (files: File[]) => void;

let input: HTMLInputElement | null = null;
let asked: OnFiles | null = null;

/** Gives the module the page's one file input. */
export function mountFileInput(element: HTMLInputElement | null): void {
  input = element;
}

/** Opens the browser's file dialog; nothing happens when it is cancelled. */
export function pickFiles({ multiple }: { multiple: boolean }, onFiles: OnFiles): void {
  if (!input) return;
  asked = onFiles;
  input.multiple = multiple;
  input.click();
}

export function pickCancelled(): void {
  asked = null;
}

/** Hands the chosen files to whoever asked, else to `otherwise`. */
export function filesPicked(element: HTMLInputElement, otherwise: OnFiles): void {
  const onFiles = asked ?? otherwise;
  const files = [...(element.files ?? [])];
  asked = null;
  // Choosing the same file again must be a change.
  element.value = '';
  if (files.length > 0) onFiles(files);
}
