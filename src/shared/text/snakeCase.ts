/** `valLoss` to `val_loss`, and as Keras does with its classes: `CategoricalCrossentropy` to `categorical_crossentropy`. */
export function snakeCase(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z0-9]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
