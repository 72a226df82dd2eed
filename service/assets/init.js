// Shows this port's own contract. Nothing is asked of any other host: no validator badge.
window.addEventListener("load", function () {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    validatorUrl: null,
    tryItOutEnabled: true,
  });
});
