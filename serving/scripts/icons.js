// Streamlit asks for the font of its icons, 376 kB, as soon as it begins. The first screen has none
// of them: a browser loads the font by itself once one is to be seen.
(() => {
  const load = document.fonts.load.bind(document.fonts);
  document.fonts.load = (font, ...rest) =>
    font.includes("Material Symbols") ? Promise.resolve([]) : load(font, ...rest);
})();
