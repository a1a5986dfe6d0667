// Beside this script is the folder of the page; beside that, the document.
const here = document.currentScript.src;

SwaggerUIBundle({
  url: new URL("../api/openapi.json", here).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // No badge from somebody else's server.
  validatorUrl: null,
});
