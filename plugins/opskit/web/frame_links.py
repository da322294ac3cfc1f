"""Links of our pages, which Airflow shows in a frame that may open no window: Airflow's own page around it opens them."""

OPEN_LINKS = """<script>
document.addEventListener("click", event => {
  const link = event.target.closest("a[href]")
  if (!link || window.parent === window) return
  event.preventDefault()
  const outside = window.parent.document.createElement("a")
  Object.assign(outside, { href: link.href, target: "_blank", rel: "noopener" })
  window.parent.document.body.append(outside)
  outside.click()
  outside.remove()
})
</script>"""
