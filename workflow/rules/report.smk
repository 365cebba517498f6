rule report:
    input: rules.collect_results.output
    output: "<results>/x.html"
    shell: "touch {output}"
